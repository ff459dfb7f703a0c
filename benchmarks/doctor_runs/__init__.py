"""How well the doctor of runs does: planted faults, healthy runs, other tools' rules, its cost."""
