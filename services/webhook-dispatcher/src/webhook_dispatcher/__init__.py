"""Events out to integrators: signed webhooks and the public event feed."""
