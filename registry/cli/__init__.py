"""The sub-commands of the registry."""
