"""What the tables hold: reported, backed up, restored, shown, erased."""
