"""The HTTP and Socket.IO edge of the platform."""
