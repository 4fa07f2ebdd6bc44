"""Hosts, groups and patterns, from inventory files.

Knows who there is, in which groups, in which order, and what is said about them where they
are named. Leaves what the variables add up to to `variables`.
"""

from outlast.inventory.inventory import Inventory, Unread, load_inventory
from outlast.inventory.tree import Group, Host, Notify

__all__ = ["Group", "Host", "Inventory", "Notify", "Unread", "load_inventory"]
