"""The machines inside the clouds: what runs on them and what they can reach."""
