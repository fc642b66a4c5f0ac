"""The web-chat widget's side of the edge: sessions, sockets, pages."""
