output "server_ip" {
  description = "The address that the world sees."
  value       = module.assay.server_ip
}

output "artifacts_container" {
  description = "The container of the object store."
  value       = module.assay.artifacts_container
}

# terraform output -raw ansible_inventory > ../../../ansible/inventory.yaml
output "ansible_inventory" {
  description = "What infra/ansible takes as its inventory."
  value       = module.assay.ansible_inventory
}
