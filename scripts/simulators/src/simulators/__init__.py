"""Local servers that stand in for the outside world: Meta's platforms and model providers."""
