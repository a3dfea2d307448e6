"""The service: what platforms call and moderators open. Of ours it imports `assay` alone."""
