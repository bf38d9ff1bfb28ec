"""Operations on a whole vault: its jobs, events, alerts and health."""
