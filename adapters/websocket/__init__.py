"""Live feeds over WebSocket (RFC 6455): what channels and alerts publish, numbered, filtered, resumed without gap or repeat."""
