variable "name" {
  description = "Prefix of everything that is made, and of the host names."
  type        = string
  default     = "assay"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "Lower-case letters, digits and hyphens, beginning with a letter, 2 to 31 characters."
  }
}

variable "external_network" {
  description = "Name of the cloud's network that floating IPs come from."
  type        = string
}

variable "image" {
  description = "Name of a Debian or Ubuntu image with cloud-init."
  type        = string
}

variable "user" {
  description = "The user that the image lets in by key."
  type        = string

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_-]*$", var.user))
    error_message = "A POSIX user name, such as cc, debian or ubuntu."
  }
}

variable "public_key" {
  description = "OpenSSH public key that may log in; the private half never comes here."
  type        = string

  validation {
    condition     = can(regex("^(ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/=]+", var.public_key))
    error_message = "One line of an OpenSSH public key file, such as ~/.ssh/id_ed25519.pub."
  }
}

variable "admin_cidr" {
  description = "Addresses that may reach SSH and the Kubernetes API."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.admin_cidr)) && !endswith(var.admin_cidr, "/0")
    error_message = "An IPv4 range such as 192.0.2.0/24; the whole internet is refused."
  }
}

variable "web_cidr" {
  description = "Addresses that may reach the service over HTTP and HTTPS."
  type        = string
  default     = "0.0.0.0/0"

  validation {
    condition     = can(cidrnetmask(var.web_cidr))
    error_message = "An IPv4 range such as 0.0.0.0/0."
  }
}

variable "subnet_cidr" {
  description = "Addresses of the hosts among themselves."
  type        = string
  default     = "192.168.40.0/24"

  validation {
    condition     = can(cidrnetmask(var.subnet_cidr))
    error_message = "An IPv4 range such as 192.168.40.0/24."
  }
}

variable "dns_nameservers" {
  description = "Resolvers that the subnet hands out; none: the cloud's own."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.dns_nameservers : can(cidrnetmask("${address}/32"))])
    error_message = "IPv4 addresses."
  }
}

variable "server_flavor" {
  description = "Flavour of the host that runs the Kubernetes server."
  type        = string
}

variable "agents" {
  description = "How many agents join the server; 0 leaves everything to the server."
  type        = number
  default     = 2

  validation {
    condition     = var.agents >= 0 && var.agents <= 20 && floor(var.agents) == var.agents
    error_message = "A whole number from 0 to 20."
  }
}

variable "agent_flavor" {
  description = "Flavour of the agents; null: that of the server."
  type        = string
  default     = null
}

variable "volume_size" {
  description = "Gigabytes of the data volume of each host, where k3s keeps its state and volumes."
  type        = number
  default     = 80

  validation {
    condition     = var.volume_size >= 20 && var.volume_size <= 2000
    error_message = "From 20 to 2000 gigabytes."
  }
}

variable "volume_type" {
  description = "A volume type of the cloud, such as an encrypted one; null: its default."
  type        = string
  default     = null
}
