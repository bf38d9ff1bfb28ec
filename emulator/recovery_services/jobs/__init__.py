"""Jobs of a vault: scenarios, tasks, outcomes and polling."""
