"""Subscriptions: who wants to be told of which resources, matched in the transaction that writes them, delivered by the outbox."""
