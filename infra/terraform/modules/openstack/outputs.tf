output "server_ip" {
  description = "The address that the world sees."
  value       = openstack_networking_floatingip_v2.server.address
}

output "hosts" {
  description = "The address of each host within the cluster."
  value       = { for name, port in openstack_networking_port_v2.host : name => port.all_fixed_ips[0] }
}

output "artifacts_container" {
  description = "The container of the object store."
  value       = openstack_objectstorage_container_v1.artifacts.name
}

output "ansible_inventory" {
  description = "What infra/ansible takes as its inventory."
  value       = local.inventory

  # Whoever takes the inventory expects hosts that are up, with their volumes and their address.
  depends_on = [
    openstack_compute_volume_attach_v2.data,
    openstack_networking_floatingip_associate_v2.server,
  ]
}
