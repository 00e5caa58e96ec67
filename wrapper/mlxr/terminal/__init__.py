"""The terminal: results on stdout, talk and progress on stderr. The only importer of rich."""
