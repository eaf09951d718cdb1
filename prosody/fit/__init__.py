"""The judge's recipe: fitting, checking, evaluating."""
