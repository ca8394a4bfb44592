"""The clusters that seats run on; `base` is the seam that everything else knows."""
