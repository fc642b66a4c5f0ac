"""The edge: Meta webhooks, the REST API and the widget's sockets come in here."""
