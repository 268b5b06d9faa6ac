"""A stand-in for Microsoft's sign-in and the calendar part of Microsoft Graph, on a loopback port."""

from contact_manager.sandbox.graph_server.server import GraphServer

__all__ = ["GraphServer"]
