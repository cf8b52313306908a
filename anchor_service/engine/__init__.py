"""From open batches to final anchors: rules, transactions, and the worker."""
