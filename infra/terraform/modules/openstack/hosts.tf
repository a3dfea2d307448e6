locals {
  server = "${var.name}-server"
  agents = [for number in range(1, var.agents + 1) : "${var.name}-agent-${number}"]

  hosts = merge(
    { (local.server) = { role = "server", flavor = var.server_flavor } },
    { for name in local.agents : name => { role = "agent", flavor = coalesce(var.agent_flavor, var.server_flavor) } },
  )

  public_ports = {
    ssh        = { port = 22, from = var.admin_cidr }
    kubernetes = { port = 6443, from = var.admin_cidr }
    http       = { port = 80, from = var.web_cidr }
    https      = { port = 443, from = var.web_cidr }
  }

  # The inventory that infra/ansible reads: agents are reached through the server.
  inventory = templatefile("${path.module}/templates/inventory.yaml.tftpl", {
    server    = local.server
    server_ip = openstack_networking_floatingip_v2.server.address
    addresses = { for name, port in openstack_networking_port_v2.host : name => port.all_fixed_ips[0] }
    agents    = local.agents
    user      = var.user
    volumes   = { for name, volume in openstack_blockstorage_volume_v3.data : name => volume.id }
  })
}

data "openstack_images_image_v2" "this" {
  name        = var.image
  most_recent = true
}

resource "openstack_compute_instance_v2" "host" {
  for_each = local.hosts

  name         = each.key
  image_id     = data.openstack_images_image_v2.this.id
  flavor_name  = each.value.flavor
  key_pair     = openstack_compute_keypair_v2.this.name
  config_drive = true
  metadata     = { role = each.value.role }

  network {
    port = openstack_networking_port_v2.host[each.key].id
  }

  lifecycle {
    # A newer image of the same name is no reason to replace a running host.
    ignore_changes = [image_id]
  }
}

resource "openstack_blockstorage_volume_v3" "data" {
  for_each = local.hosts

  name        = "${each.key}-data"
  description = "State of k3s and the volumes of its pods"
  size        = var.volume_size
  volume_type = var.volume_type
}

resource "openstack_compute_volume_attach_v2" "data" {
  for_each = local.hosts

  instance_id = openstack_compute_instance_v2.host[each.key].id
  volume_id   = openstack_blockstorage_volume_v3.data[each.key].id
}

# Images of requests, artifacts of pipelines and backups; not public.
resource "openstack_objectstorage_container_v1" "artifacts" {
  name       = "${var.name}-artifacts"
  versioning = true
}
