"""The classic experience: a configuration server, replication provider `InMageAzureV2`."""
