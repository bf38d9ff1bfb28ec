"""The base of every emulated service: the wire, routes, time, durable state and the world."""
