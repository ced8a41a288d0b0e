"""Parts of SB3 policies: normalizer, asymmetric critic, picture encoder; policies on disk."""
