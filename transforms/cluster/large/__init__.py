"""Components that one worker cannot hold: compared in the cells of a grid."""
