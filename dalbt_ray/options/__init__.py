"""Configuration as data: frozen dataclasses that are checked when they are made, and that JSON can carry."""
