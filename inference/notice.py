"""What is said with every answer."""

NOTICE = "Research software: not a medical device, not a diagnosis. A physician must read the tracing."
