"""The networks of SGDM and their files."""
