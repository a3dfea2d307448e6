"""What a platform's own traffic would have come to under another model or another policy.

    traffic -> replay (images that another model answered) -> decided twice -> estimates -> page

It reads the store and changes nothing of it.
"""
