"""Channels: an analyst's YAML file, read with its places, checked against the plug-ins, compiled to a plan."""

from engine.channel.compile import compile_channel
from engine.channel.model import Channel, Delivery
from engine.channel.read import read_channel

__all__ = ["Channel", "Delivery", "compile_channel", "read_channel"]
