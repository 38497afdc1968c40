"""What tests share that is no fixture: a misbehaving archive, its faults, examples, helpers."""
