"""What must hold in every night, checked on what truly happened; shares no code with what it judges."""
