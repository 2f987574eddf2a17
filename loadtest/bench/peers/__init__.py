"""The proxies that are compared: how each is built, set up and started."""
