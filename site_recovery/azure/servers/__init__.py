"""Configuration servers and replication appliances: how they register and how they leave."""
