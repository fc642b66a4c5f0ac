"""Version 1 of every story."""
