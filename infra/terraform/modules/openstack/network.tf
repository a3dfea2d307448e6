data "openstack_networking_network_v2" "external" {
  name     = var.external_network
  external = true
}

resource "openstack_networking_network_v2" "this" {
  name           = var.name
  admin_state_up = true
}

resource "openstack_networking_subnet_v2" "this" {
  name            = var.name
  network_id      = openstack_networking_network_v2.this.id
  cidr            = var.subnet_cidr
  ip_version      = 4
  dns_nameservers = var.dns_nameservers
}

resource "openstack_networking_router_v2" "this" {
  name                = var.name
  admin_state_up      = true
  external_network_id = data.openstack_networking_network_v2.external.id
}

resource "openstack_networking_router_interface_v2" "this" {
  router_id = openstack_networking_router_v2.this.id
  subnet_id = openstack_networking_subnet_v2.this.id
}

resource "openstack_networking_port_v2" "host" {
  for_each = local.hosts

  name           = each.key
  network_id     = openstack_networking_network_v2.this.id
  admin_state_up = true

  security_group_ids = concat(
    [openstack_networking_secgroup_v2.cluster.id],
    each.value.role == "server" ? [openstack_networking_secgroup_v2.public.id] : [],
  )

  fixed_ip {
    subnet_id = openstack_networking_subnet_v2.this.id
  }
}

# Only the server is reached from outside; agents are reached through it.
resource "openstack_networking_floatingip_v2" "server" {
  pool        = data.openstack_networking_network_v2.external.name
  description = "${var.name}: HTTP(S), SSH and the Kubernetes API"
}

resource "openstack_networking_floatingip_associate_v2" "server" {
  floating_ip = openstack_networking_floatingip_v2.server.address
  port_id     = openstack_networking_port_v2.host[local.server].id

  # Without the router's interface the address has no way to the port.
  depends_on = [openstack_networking_router_interface_v2.this]
}
