"""Sources of motions: built in, files, published sets, folders and collections."""
