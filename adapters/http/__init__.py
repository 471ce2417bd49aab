"""HTTP: channels that listen on a path, and what is posted to others."""
