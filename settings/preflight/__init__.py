"""What AWS and Azure say of the declared machines before anything runs."""
