"""How long an inventory of thousands of machines takes, against a server that answers as AWS does."""
