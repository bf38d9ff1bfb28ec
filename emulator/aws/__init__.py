"""The AWS side: moto's server with an estate of machines in it."""
