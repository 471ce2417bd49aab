"""Search: what is written beside a resource so that it can be found, and the queries that find it."""
