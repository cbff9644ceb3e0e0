"""What carries bundles and streams. Siblings of one seam each: `callmesh.ports.Link`, and peers."""
