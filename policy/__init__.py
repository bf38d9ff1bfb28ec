"""A Pulumi policy pack: what a stack may declare, whoever changes its config."""
