"""What can go wrong, one named test a fault; docs/explanation/faults.md is the same in words."""
