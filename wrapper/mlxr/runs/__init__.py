"""Looking back: the runs that lie in the workspace, one by one and beside each other."""
