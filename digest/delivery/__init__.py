"""Moves messages: transports, and the sender that takes them through the ledger. Never imports rendering.

May import protocols, models, links, text and the ground.
"""
