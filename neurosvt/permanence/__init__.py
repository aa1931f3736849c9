"""PermanenceBench: does a model still know what it cannot see?"""
