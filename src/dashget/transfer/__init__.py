"""Transfers: options, requests, and the engine that drives libcurl."""
