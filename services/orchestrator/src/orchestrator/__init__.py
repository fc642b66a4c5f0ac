"""Conversations and turns: decides what happens next."""
