"""Live feeds over WebSocket (RFC 6455): what channels and alerts publish, numbered, filtered, resumed without gap or repeat."""

from adapters.websocket.destination import Websocket
from adapters.websocket.routes import routes

__all__ = ["Websocket", "routes"]
